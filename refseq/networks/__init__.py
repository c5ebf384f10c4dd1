"""Networks built of recurrences. So far: layers stacked on one another, in one or two directions."""
