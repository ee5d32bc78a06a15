//! Which messages of a queue a consumer gets.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// As many as every other consumer.
    Fair,
    /// Those that the others have no room for.
    Spare,
    /// All: nobody else can read the queue, which is gone with the consumer.
    Own,
}
