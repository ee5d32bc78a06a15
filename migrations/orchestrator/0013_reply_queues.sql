-- Which orchestrator has which reply queue, or had it last. A number stays, since answers may wait in
-- its queue; it is free for another one when the lease of its orchestrator has ended.
CREATE TABLE reply_queues (
    number       integer PRIMARY KEY CHECK (number > 0),
    orchestrator uuid    NOT NULL
);
