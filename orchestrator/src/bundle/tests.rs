//! What a bundle gives away, and what it proves.
