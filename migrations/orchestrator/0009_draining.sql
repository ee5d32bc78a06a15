-- That a worker takes nothing new, since when, and who told it to. Null while it serves.

ALTER TABLE workers ADD COLUMN draining json;
