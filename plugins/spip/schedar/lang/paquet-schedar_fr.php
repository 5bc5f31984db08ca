<?php
// This is a SPIP language file  --  Ceci est un fichier langue de SPIP

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

return [
	// S
	'schedar_description' => 'Une connexion unique : les auteurs arrivent avec leur compte de l’association, avec les droits qu’elle leur donne, et ressortent avec elle.',
	'schedar_nom' => 'Connexion par Schedar',
	'schedar_slogan' => 'Se connecter à SPIP avec le compte de l’association.',
];
