"""What must survive: one SQLite file behind one writer, and content-addressed blobs."""
