<?php
// Installation and removal of the plugin's table.

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

/**
 * @param string $nom_meta_base_version
 * @param string $version_cible
 */
function schedar_upgrade($nom_meta_base_version, $version_cible) {
	$maj = [];
	$maj['create'] = [['maj_tables', ['spip_schedar_auteurs']]];
	include_spip('base/upgrade');
	maj_plugin($nom_meta_base_version, $version_cible, $maj);
}

/**
 * The authors stay, with their texts and without a password: a webmaster gives them one or not.
 *
 * @param string $nom_meta_base_version
 */
function schedar_vider_tables($nom_meta_base_version) {
	sql_drop_table('spip_schedar_auteurs');
	effacer_meta('schedar_seul');
	effacer_meta($nom_meta_base_version);
}
