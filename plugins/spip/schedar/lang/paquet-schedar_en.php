<?php
// This is a SPIP language file  --  Ceci est un fichier langue de SPIP

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

return [
	// S
	'schedar_description' => 'Single sign-on: authors arrive with their account of the association and the rights it gives them, and leave with it.',
	'schedar_nom' => 'Sign-in with Schedar',
	'schedar_slogan' => 'Sign in to SPIP with the association’s account.',
];
