-- By the index of what is not over.
SELECT count(*) FROM sagas WHERE status <> 'completed'
