-- Digests of inputs are keyed from now on. Those of before could be guessed against, and nothing compares them any more: what
-- still waited for somebody's word is asked for again.
update operations set state = 'expired', finished_at = now() where state in ('awaiting_confirmation', 'awaiting_approval');
update operations set input_digest = ''::bytea, effect_digest = ''::bytea where input_digest <> ''::bytea or effect_digest <> ''::bytea;
