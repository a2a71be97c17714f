//! A bounded table of one small value for each address, which forgets who was silent for longest.
