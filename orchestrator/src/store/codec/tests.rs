//! What rows hold, to the letter.
