-- Who may run scripts may keep them; what is for every organization is for the partner's own people besides.
update roles set permissions = permissions || '{scripts.write}' where 'scripts.execute' = any (permissions);
