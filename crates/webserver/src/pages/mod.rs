//! Pages of our own: what is in a folder, and what went wrong.
