"""The explorer: what a page is given that shows a latent space and decodes under the cursor."""
