-- Distributions publish vulnerabilities by source package. Null where it is called as the package and has its version.
alter table device_software add column source_package text;
alter table device_software add column source_version text;
