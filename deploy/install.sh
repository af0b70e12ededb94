#!/bin/sh
# Install the requirements with this Python; on Linux, torch for the CPU.
set -eu
python=$1
requirements=$2
index=$3
pip() { "$python" -m pip --disable-pip-version-check --quiet "$@"; }

torch=$(grep '^torch==' "$requirements")
echo "Installing what cnnviz needs: a minute or two, once."
if [ "$(uname -s)" = Linux ]; then
    # From PyTorch's index where it can be reached, else from wherever pip is told to look.
    pip install "$torch" --index-url "$index" --retries 0 --timeout 15 2>/dev/null || pip install "$torch"
fi
pip install -r "$requirements"
