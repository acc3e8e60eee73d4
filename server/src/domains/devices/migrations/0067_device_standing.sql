-- What a person decides of a device: whether it is trusted, and whether it is still one of theirs.
grant update (conditions, removed_at) on devices to breeze_app;
