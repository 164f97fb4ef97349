"""Packs that come with Toolcrib, each written as a guest would write it: they import `toolcrib` and nothing deeper."""
