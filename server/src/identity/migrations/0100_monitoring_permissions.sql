-- Alerts, what raises them, patches and compliance: who reads devices reads these; who changes devices handles alerts.
update roles set permissions = permissions || '{alerts.read,patches.read,compliance.read}'
  where 'devices.read' = any (permissions);
update roles set permissions = permissions || '{alerts.write,monitoring.read}' where 'devices.write' = any (permissions);
update roles set permissions = permissions || '{monitoring.read}' where id = 'account_manager';
update roles set permissions = permissions || '{monitoring.write,compliance.write}'
  where admin or id = 'partner_technician';
