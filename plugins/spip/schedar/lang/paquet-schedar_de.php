<?php
// This is a SPIP language file  --  Ceci est un fichier langue de SPIP

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

return [
	// S
	'schedar_description' => 'Einmalige Anmeldung: Autoren kommen mit dem Konto des Vereins und den Rechten, die er ihnen gibt, und gehen mit ihm wieder hinaus.',
	'schedar_nom' => 'Anmeldung mit Schedar',
	'schedar_slogan' => 'Bei SPIP mit dem Konto des Vereins anmelden.',
];
