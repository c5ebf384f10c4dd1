"""Networks built of recurrences: layers stacked on one another in one or two directions; trees; graphs."""
