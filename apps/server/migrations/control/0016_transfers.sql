-- Ids of segments and feature states are hash seeds, which an import keeps so that nobody is reshuffled. Installations begin apart,
-- somewhere in the lower three quarters of what an integer holds, so that their ids rarely meet.
select setval('segments_id_seq', greatest((select last_value from segments_id_seq), 1000000 + floor(random() * 1500000000)::integer));
select setval('feature_states_id_seq', greatest((select last_value from feature_states_id_seq), 1000000 + floor(random() * 1500000000)::integer));
