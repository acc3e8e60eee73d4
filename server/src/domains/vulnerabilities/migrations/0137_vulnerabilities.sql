-- One export of known vulnerabilities, whole, for one distribution. The newest that came in completely is the one that counts.
create table vulnerability_imports (
  id uuid primary key,
  -- As OSV names it: Debian, Ubuntu.
  ecosystem text not null,
  format text not null check (format in ('debian-tracker', 'osv')),
  file text not null,
  state text not null check (state in ('running', 'current', 'failed')),
  -- Releases that it covers, as in the advisories: '12', '24.04'.
  releases text[] not null,
  advisories integer not null,
  imported_by uuid not null,
  started_at timestamptz not null,
  finished_at timestamptz,
  -- What the file itself is from, where it says so or carries a date.
  published_at timestamptz,
  error text
);
create unique index vulnerability_imports_current on vulnerability_imports (ecosystem) where state = 'current';

-- Which versions of a source package are vulnerable to what.
create table vulnerability_advisories (
  import_id uuid not null references vulnerability_imports on delete cascade,
  release text not null,
  package text not null,
  vulnerability text not null,
  severity text check (severity in ('critical', 'high', 'medium', 'low')),
  summary text,
  -- [{introduced, fixed?, last_affected?}] in the package manager's order of versions.
  ranges jsonb not null,
  primary key (import_id, release, package, vulnerability)
);

-- Each version that any device has of a package is compared once per import.
create table package_assessments (
  id bigint generated always as identity primary key,
  import_id uuid not null references vulnerability_imports on delete cascade,
  release text not null,
  package text not null,
  version text not null,
  unique (import_id, release, package, version)
);
create table package_vulnerabilities (
  assessment_id bigint not null references package_assessments on delete cascade,
  vulnerability text not null,
  severity text,
  -- Null: no version is known that repairs it.
  fixed_version text,
  primary key (assessment_id, vulnerability)
);

-- What is known of a device, the worst first and no more than a page or two; the counts hold all of it.
create table device_vulnerabilities (
  device_id uuid not null references devices on delete cascade,
  vulnerability text not null,
  package text not null,
  organization_id uuid not null,
  site_id uuid not null,
  severity text check (severity in ('critical', 'high', 'medium', 'low')),
  version text not null,
  fixed_version text,
  first_seen_at timestamptz not null,
  primary key (device_id, vulnerability, package)
);
create index device_vulnerabilities_by_name on device_vulnerabilities (organization_id, vulnerability, device_id);
call protect_table('device_vulnerabilities', 'site');
grant select on device_vulnerabilities to breeze_app;

-- Counts are of vulnerabilities, each once; all null where the device was not assessed, which is not zero.
create table device_vulnerability_state (
  device_id uuid primary key references devices on delete cascade,
  organization_id uuid not null,
  site_id uuid not null,
  assessed boolean not null,
  -- Why it was not.
  reason text check (reason in ('not_reported', 'not_readable', 'system_unknown', 'not_covered', 'sources_unknown')),
  ecosystem text,
  release text,
  import_id uuid,
  -- What the import is from, and when it came.
  published_at timestamptz,
  imported_at timestamptz,
  critical integer,
  high integer,
  medium integer,
  low integer,
  -- Whose severity nobody has said.
  unrated integer,
  -- Of all of them, how many an update repairs.
  fixable integer,
  -- Source packages that were compared.
  packages integer,
  software_hash text,
  os_hash text,
  assessed_at timestamptz not null,
  check (assessed = (critical is not null))
);
create index device_vulnerability_state_by_place on device_vulnerability_state (organization_id, site_id, device_id);
call protect_table('device_vulnerability_state', 'site');
grant select on device_vulnerability_state to breeze_app;
