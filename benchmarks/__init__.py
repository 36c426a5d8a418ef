"""What is asked of the product, measured: the quality of answers, how fast they come, and where constants come from."""
