"""What a release is made of, made and tried: `python -m releasing`, or `make release`."""
