<?php
// The plugin's one table: which author signs in with which account of which issuer.

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

/**
 * Pipeline declarer_tables_auxiliaires.
 *
 * `cle` is the SHA-256 of issuer and subject: unique and compared byte by byte, whatever the database's collation does
 * with letters. `statut` and `webmestre` are what Schedar last said: nothing on the site raises an author above them.
 * `fin` is the instant, in milliseconds, of the last logout token: sessions begun before it are over. `id_auteur` is 0
 * for a subject that was signed out before it was ever signed in here.
 *
 * @param array $tables
 * @return array
 */
function schedar_declarer_tables_auxiliaires($tables) {
	$tables['spip_schedar_auteurs'] = [
		'field' => [
			'cle' => "varchar(64) DEFAULT '' NOT NULL",
			'id_auteur' => 'bigint(21) DEFAULT 0 NOT NULL',
			'emetteur' => "varchar(255) DEFAULT '' NOT NULL",
			'sub' => "varchar(255) DEFAULT '' NOT NULL",
			'statut' => "varchar(25) DEFAULT '' NOT NULL",
			'webmestre' => "varchar(3) DEFAULT 'non' NOT NULL",
			'fin' => 'bigint(21) DEFAULT 0 NOT NULL',
			'maj' => 'TIMESTAMP',
		],
		'key' => [
			'PRIMARY KEY' => 'cle',
			'KEY id_auteur' => 'id_auteur',
		],
	];

	return $tables;
}
