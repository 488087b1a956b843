"""Container images: what they are called, how they come here, and their unpacked trees. See docs/adr/0006."""
