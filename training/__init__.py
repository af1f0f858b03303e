"""How the pocket model is made. Knows torch and drawing; the program itself never imports this package."""
