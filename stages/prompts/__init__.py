"""Prompts are files: `<stage>/<version>.yaml`, chosen by a param, deps of the stages that use them."""
