# SPDX-License-Identifier: MIT
#
# peer_check.py NAME - are the modules there that the peers of this comparison need?  Exit 77 if not,
# with the command that installs them.
import importlib
import sys

NEEDS = {
    "step": ["torch", "torchvision"],
    "tutorial": ["torch", "torchvision"],
    "stem128": ["torch", "torchvision"],
    "memory": ["torch", "torchvision"],
    "startup": ["torch", "torchvision"],
    "views": ["torch", "torchvision", "PIL"],
    "photos": ["torch", "torchvision", "PIL"],
    "knn": ["sklearn"],
    "ranks": [],
}
INSTALL = {
    "torch": "apt-get install python3-torch, or pip install torch",
    "torchvision": "apt-get install python3-torchvision, or pip install torchvision",
    "PIL": "apt-get install python3-pil, or pip install pillow",
    "sklearn": "apt-get install python3-sklearn, or pip install scikit-learn",
}

missing = []
for module in NEEDS[sys.argv[1]]:
    try:
        importlib.import_module(module)
    except ImportError as error:
        missing.append(module)
        print(f"bench: {sys.executable} has no {module} ({error}); {INSTALL[module]}",
              file=sys.stderr)
if missing:
    print("bench: nothing was measured; another interpreter can be chosen: PYTHON=... bench/run",
          file=sys.stderr)
    sys.exit(77)
