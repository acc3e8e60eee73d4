-- The refresh token that the kept answer gave. Once that one is used, the answer is nobody's any more: whoever still brings
-- the token of two generations ago has a copy.
alter table oauth_replay add column successor_hash bytea;
create index oauth_replay_successor on oauth_replay (successor_hash);
