-- Which enterprises have IT meters is asked at every round of judging, of a nation's million meters.
CREATE INDEX meter_it_load ON meter (enterprise_id) WHERE role = 'it_load';
