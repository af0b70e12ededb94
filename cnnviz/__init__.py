"""cnnviz: understand convolutional neural networks by touching one.

Everything here is true without a screen; only `cnnviz.ui` imports Streamlit. Imports flow one way:

    app -> ui.site -> pages -> ui -> {slide, notebook} -> {figures, codegen, torch_code, keras_code}
        -> {network_text, network_weights} -> recompute -> {network, windows} -> layers -> functional

`make lint` enforces it. Arrays are torch tensors shaped (N, C, H, W), float32, unless said otherwise.
"""

__version__ = "0.1.0"
