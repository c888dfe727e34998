"""`make score`: a file of rows in, the answers of what serves out."""
