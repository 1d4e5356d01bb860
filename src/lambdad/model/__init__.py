"""The nouns: frozen dataclasses, pure rules, limits. No I/O."""
