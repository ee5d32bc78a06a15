SELECT min(wake_at) FROM sagas WHERE wake_at IS NOT NULL
