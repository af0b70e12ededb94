"""What the knobs of the pages mean, in the words of their question marks."""

PADDING = (
    "Rows and columns added around the map before the window slides. **valid**: none. **same**: as many as keep "
    "the size (divided by the stride), the odd one after, as in TensorFlow. Or a number for every side, or two as in "
    "1,2 (rows, columns)."
)
PADDING_MODE = (
    "What the added cells hold. **zeros**, or a **constant** of your choice; or the picture goes on: mirrored at its "
    "edge (**reflect**), its edge repeated (**replicate**), its other side (**circular**)."
)
PADDING_VALUE = "The number in every added cell, when they are filled with a constant. 0 is black, 1 is white."
STRIDE = "How many pixels the window moves from one sum to the next. 2 halves the map. 2,1: down, across."
DILATION = (
    "How far apart the pixels under the kernel lie. With 2 it leaves every other one out: it sees farther at no cost."
)
KERNEL = (
    "A preset's name, rows such as 0,1,0;1,-4,1;0,1,0, or random weights by method, size and seed as in "
    "kaiming_uniform:3x3:7. This is what the link carries."
)
BIAS = "A number added to every sum. A network learns it together with the kernel."
ACTIVATION = (
    "What is done to each sum by itself. Without it, any number of convolutions in a row would be no more than one."
)
POOL = "Each window becomes one number: its largest, mean or smallest, or (l2) the root of the sum of its squares."
POOL_SIZE = "How many cells a window summarises. 2, or 2,1: height, width."
POOL_STRIDE = "How many cells the window moves. As many as its size: windows side by side; fewer: they overlap."
POOL_PADDING = (
    "**valid**: windows lie inside the map, what is left over is dropped. **same**: the last windows may hang over the "
    "edge. Cells outside do not count: neither for the largest nor for the mean."
)
PIN = (
    "The cell that is explained whatever you change, and that the link carries: a stage, its row, its column, as in "
    "conv:12,40. A click on a stage writes it here. The server works it out once more by another route."
)
FILTERS = "Each filter makes one map: as many filters, so deep is the next block."
PATCH = (
    "**window**: a small patch that slides. **image**: a patch as large as the picture (which is kept small for it): "
    "there is one place for it, and the convolution becomes a fully connected layer."
)
KERNEL_SIZE = "Height and width of every filter: 3, or 3,1. Its depth is the picture's: 3 for a colour picture."
INIT = (
    "How weights are drawn before anything is learned. **pytorch**: what nn.Conv2d does by itself, up to ±1/√(weights "
    "behind one cell), the biases too. **kaiming**: keeps the size of the signal through a ReLU. **xavier**: keeps it "
    "forwards and backwards through a linear layer."
)
SEED = "The same seed draws the same weights, here and in PyTorch."
ADDED_BIAS = "Added to every cell of all maps, beside the bias that was drawn with each filter."
FILTER = "The filter that is edited below. A click on one of the maps chooses its filter too."
EDITS = (
    "The filters that are not as they were drawn, each after its number: a preset's name, a method and a seed, or its "
    "planes, as in 0=red-edges|3=kaiming_normal:7. Planes are divided by /, rows by ;, cells by a comma."
)
LOOKS = "What is shown of a block of maps: a map's number, all, a stack, or rgb. The buttons above write it here."
GROUPS = (
    "The channels are split into so many groups, and each filter sees one of them. 1 is plain; as many as channels, "
    "and as many filters, is depthwise."
)
WEIGHTS = (
    "**kernel**: every filter is the kernel below, times a number for each channel. **random**: all weights are drawn "
    "by the method and the seed."
)
KIND_STRIDE = (
    "**Strided**: how many cells the filters move from one sum to the next; 2 halves the map. **Transposed**: how many "
    "cells apart the stamps lie; 2 doubles it. 2,1: down, across."
)
KIND_PADDING = (
    f"{PADDING} 1×1 filters need none. A transposed convolution has its own, with which its map becomes the stride "
    "times as large where the kernel allows it."
)
PIN_OF_MAPS = (
    "The cell that is explained whatever you change, and that the link carries: a stage, its row, its column and its "
    "map, as in input:12,40. A click on a stage writes it here. The server works it out once more by another route."
)
MAPS = "What goes in: the picture itself (1 or 3 channels), or so many maps that a first layer makes of it."
SOURCE = (
    "**image**: a picture; a kernel first makes sums of it, negative ones too, or ReLU would have nothing to do. "
    "**numbers**: 8×8 numbers of your own, straight into the activation."
)
NUMBERS = (
    "A picture's name, such as ramp, or 8 rows of 8 numbers, rows divided by ; and cells by a comma. This is what the "
    "link carries."
)
POOL_WINDOWS = (
    "**window**: a small window slides. **global**: one window over the whole map, as before the last layer of many "
    "networks. **adaptive**: you say the output's size, and the windows follow from it."
)
OUTPUT_SIZE = "How many windows: 2, or 2,3 (rows, columns). Where sizes do not divide, windows overlap by a cell."
SHIFT = (
    "How many pixels the picture moves to the right before all is computed again. What comes in on the left is a copy "
    "of the edge."
)
SHIFT_DOWN = "The same, downwards."
PARAMETERS = {
    "negative_slope": "What negative sums are multiplied by.",
    "alpha": "Far below zero, the result comes near to minus this.",
    "beta": "How sharp the bend at zero is: the larger, the nearer to ReLU.",
    "threshold": "Where beta times the sum is larger, it is left as it is: the two are equal to every digit there.",
    "approximate": "none: exactly, with the error function. tanh: the quick formula that older networks used.",
    "over": "Which values share the 1 among them: the channels of each pixel, or all cells of all channels.",
}
SCALE = "Whether a colour means the same within each **map**, each **layer**, or the whole **network**."
NET = (
    "The layers one after another, divided by |. conv:12@3x3,same is a convolution of 12 filters, 3×3, padded; max:2 a "
    "pool; linear:10 ten outputs. A - before a layer switches it off. docs/network.md lists all words."
)
LAYER = "The layer that is opened below, counted from 0. A click on a layer sets it."
UNIT = "Which output of a linear layer is taken apart. A click on an output sets it."
LAYER_TYPES = {
    "Conv2d": "Each filter slides over all maps at once: a cell is a sum of products through all of them, plus a bias.",
    "DepthwiseSeparableConv2d": "First a filter for each map on its own, then 1×1 filters that mix the maps.",
    "ConvTranspose2d": "Each cell stamps its filter into a larger map; where stamps overlap they add up.",
    "Activation": "The same function for every cell. Without one, two convolutions in a row would be no more than one.",
    "softmax": "e to the power of each number, divided by the sum of them all: shares that add up to 1.",
    "Pool2d": "One number for each window, map by map. There is nothing to learn in it.",
    "GlobalPool2d": "One number for each whole map.",
    "AdaptivePool2d": "The output's size is given, and the windows follow from it.",
    "BatchNorm2d": (
        "As it answers after training: of each map its running mean is taken away, the rest is divided by the running "
        "deviation, times a learned scale, plus a learned shift. Before training these are 0, 1, 1 and 0."
    ),
    "Dropout": (
        "Passes everything here, as in any network that has learned. While one learns, it sets this share of the cells "
        "to 0 at random and makes the others larger for it."
    ),
    "Flatten": "Map after map, row after row, all cells become one vector. Nothing is computed.",
    "Linear": "Each output is a sum over all inputs, each with a weight of its own, plus a bias.",
    "Add": "A skip connection: what went in some layers earlier is added, cell by cell.",
    "Off": "Switched off: everything goes past it as it is.",
}
PRESET_FILTER = "Puts a filter by its name into the first convolution, in the place of the first that is still drawn."

# --- Train ------------------------------------------------------------------------------------------
TRAIN_IT = "Takes these layers to the page Train, where they learn from digits (grey) or coloured shapes."
DATA = (
    "**digits**: 1,797 handwritten digits, 8×8. **shapes**: 7,000 coloured shapes, 32×32×3, drawn when they are "
    "needed. **own**: from files that you bring."
)
EXAMPLE = "One of the pictures that are held out: the row shows what the network makes of it."
AUGMENTATION = (
    "Each time that a picture is shown it is changed in another way, so the network cannot learn it by heart."
)
OPTIMISER = "How a gradient becomes a step."
RATE = "How far a step goes. Too small: it takes long. Too large: the loss jumps, or grows beyond all numbers."
BATCH = "Pictures a step. The gradient is the mean of theirs: with few it is rough, with many each step takes longer."
EPOCHS = "How many times all pictures are shown."
WEIGHT_DECAY = "Each step also pulls every weight a little towards 0."
TRAINING_SEED = (
    "It decides on the first weights, the order of the pictures and all else that is drawn: the same seed gives the "
    "same network."
)
AT = "A step to look back at, of those that were kept: the slider under the curves writes it."
WATCHED = (
    "The weight whose steps are written out: its layer from 0, its tensor, its place. A click on a filter writes it."
)

# --- Train: one kernel -------------------------------------------------------------------------------
TARGET = (
    "**kernel**: the filtered picture is made here, by the kernel below. **own**: bring a pair that another program "
    "made: your picture below, its filtered version here."
)
FILTERED = (
    "A file of any size: it is fitted as the picture is, so bring both at the same size. If they are made "
    "smaller here, what is learned is the kernel between the small pictures."
)
NUMBERS_KEPT = (
    "**exact**: numbers of any size. **file**: as a PNG holds it, whole levels from 0 to 255; what is darker than "
    "black or brighter than white is cut off, and such cells are not learned from."
)
METHOD = "How a gradient becomes a step. **suggested** takes what suits the surface."
STEP = (
    "How far a step goes. **best** follows from how steeply the loss bends. Try twice as much, or more than the "
    "largest stable rate, and watch it run away."
)
LEARNED_SIZE = (
    "Height and width of the kernel that is learned: 5, or 3,5. **auto**: as large as the true one (a kernel that "
    "undoes is 7×7). A larger one is the same with a rim that goes to 0."
)
STEPS = "It ends earlier where no weight can be farther than a thousandth from the best one."
START = "**random**: weights from −1 to 1, by the seed. **zeros**: the picture is black at first."
PLANE = (
    "The loss depends on every weight of the kernel; a picture of it can show two directions. **valley**: the mix of "
    "weights along which it rises most steeply, and the one along which it hardly changes. Or two single weights by "
    "their places, row by row from 0: 0,4."
)
WEIGHT = (
    "The weight whose steps are written out, by its place, row by row from 0. A click on the learned kernel sets it."
)
MOMENT = (
    "How many steps are done in what is shown, or **end**. The slider under the pictures writes it, and a link carries "
    "it. The first steps are all kept, later ever fewer are."
)
DECIBELS = (
    "How near a picture is to the true one (PSNR): every 10 dB more, the mean squared error is a tenth. At 20 dB a "
    "pixel is off by about 0.1, at 40 dB by 0.01; white is 1. **Solved directly**: by one division at each frequency, "
    "without steps."
)
LESSON_KERNEL = (
    "**auto** takes Sobel to be learned, sharpening to be undone, and a blur to recover a picture from. Or a preset's "
    "name, rows such as 0,1,0;1,-4,1;0,1,0, or random weights by method, size and seed as in kaiming_uniform:3x3:7."
)
ROUNDS = "Each step goes through the whole picture, there and back."
RIDGE = (
    "Draws all pixels a little to 0. What the filter left of a frequency is divided by |F|² + ridge, so that noise is "
    "not made large where the filter left little. 0: none, and nothing to solve directly."
)
FILTERED_NOISE = "The standard deviation of noise in the filtered picture; 0.02 is five grey levels."
# --- Inside -----------------------------------------------------------------------------------------
PIXEL = "A pixel's row and column, from 0. A click on any of the pictures below writes it; arrow keys move it."
BASELINE = "The grey that integrated gradients begin with: 0 is black, 1 white. Another question, another answer."
COVER_PATCH = "How large the grey square is that occlusion covers, in pixels."
CLASS = "The class whose logit all four ask about; for a targeted step, the class that it leads to."
OPENED = "The layer that is open, counted from 0, or last: the last that makes maps. A click on a layer sets it."
MAP = "Which map of the open layer, or which output. A click on a map in the row sets it."
GOAL = "**mean**: the mean of the whole map. **centre**: its cell in the middle. A vector has one number only."
EPSILON = "How far each value moves. Values lie from 0 to 1, so 0.1 is a tenth of the way from black to white."
AIM = "**away** from the class that is right, or **towards** the class that is asked about."
TRAINED = (
    "**digits**, **shapes**, **shapes-lesson**: shipped with what they have learned. **mine**: what you trained "
    "on the page Train in this visit, which no link carries."
)
VIEWS = {
    "why": "Which pixels does the class hang on? Four ways to ask, each with another answer. Click a pixel.",
    "layer": "The layer that is open in the row above, with the arithmetic of every cell.",
    "filters": "What one map of the open layer answers to: a picture made for it, and those that excite it most.",
    "perturb": "Change the picture a little: does the network mind? All of this page sees the changed picture.",
    "fool": "One step of every pixel, by ε in the direction that hurts most; how much the picture changes is measured.",
}
LOGIT = "**Logit**: the number that the network has for a class, before softmax or sigmoid makes a share of it."
SHARES = {  # of how a network ends: what its answers are
    "softmax": f"{LOGIT} **Softmax** makes shares of all logits: each is above 0, together they are 100 %, whatever "
    "the picture is. So a large share says that the other classes fit worse, not that it is likely to be right.",
    "sigmoid": f"{LOGIT} **Sigmoid** makes a share of each logit alone: 0 becomes 50 %.",
    "none": f"{LOGIT} This network ends with them: the largest is what it says.",
}
WORDS = {  # of a view: what its words mean
    "why": f"{LOGIT} **Gradient**: how fast the logit changes with a value; a slope of 2 means that 0.01 more makes "
    "0.02 more. **Integrated gradients** add slopes up along a way to this picture, which begins at the **baseline**, "
    "an even grey. **Grad-CAM** adds up a layer’s maps, each weighted by its mean slope. **Occlusion** covers a patch.",
    "layer": "**Map**: what one filter makes of the picture, cell by cell.",
    "filters": "**Map**: what one filter makes of the picture, cell by cell. **Gradient**: for each pixel, how fast "
    "the answer grows with it; a step up the gradient makes the answer larger.",
    "perturb": None,
    "fool": "**Loss** of a class: how far the answer is from it; 0 if the network is sure of it. **Gradient**: how "
    "fast the loss grows with a value; only its **sign** is used, + or −. **ε**: how far each value moves.",
}
NOISE = "The standard deviation of what is added to each value; values lie from 0 to 1. The seed draws other noise."
