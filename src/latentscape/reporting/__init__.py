"""What draws: blocks of a page, charts, strips of pictures, sentences."""
