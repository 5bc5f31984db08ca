<?php
// This is a SPIP language file  --  Ceci est un fichier langue de SPIP

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

return [
	// S
	'schedar_description' => 'Eén keer aanmelden: auteurs komen binnen met de account van de vereniging en met de rechten die zij hun geeft, en gaan er met haar weer uit.',
	'schedar_nom' => 'Aanmelden met Schedar',
	'schedar_slogan' => 'Aanmelden bij SPIP met de account van de vereniging.',
];
