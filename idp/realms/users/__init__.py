"""Users of a realm file → model: what they are, what they can prove, and what a realm keeps about them."""
