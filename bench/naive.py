"""The same four pictures as most people would draw them: `px.imshow` in `st.plotly_chart`."""

import plotly.express as px
import streamlit as st
import torch
import torch.nn.functional as F

from cnnviz.images import SAMPLES, load_image

value = st.slider("value", 0, 10_000, 5_000)
image = load_image(SAMPLES["camera"].path, size=300)
kernel = torch.full((1, 1, 3, 3), -1.0)
kernel[0, 0, 1, 1] = 8 + value / 10_000
maps = F.conv2d(image, kernel, padding=1)
active = F.relu(maps)
pooled = F.max_pool2d(active, 2)
for column, stage in zip(st.columns(4), (image, maps, active, pooled)):
    with column:
        st.plotly_chart(px.imshow(stage[0, 0].numpy(), color_continuous_scale="magma"))
