-- With which API key a resolution was proposed, beside by whom: a name is what the key's bearer calls itself, the key is
-- proven. None where nobody was asked for one.

ALTER TABLE proposed_resolutions ADD COLUMN proposed_key text;

-- Until now it was kept only where no name was given, in the name's place.
UPDATE proposed_resolutions SET proposed_key = proposed_by WHERE proposed_by LIKE 'API key %';
