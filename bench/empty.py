"""The yardstick: an empty Streamlit app, one slider and one line of text."""

import streamlit as st

value = st.slider("value", 0, 10_000, 5_000)
st.write(f"value is {value}")
