<?php
// Who sees the settings page: webmasters, those of the rescue door included.

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

/** Pipeline autoriser: SPIP loads this file by it. */
function schedar_autoriser() {
}

/** @return bool */
function autoriser_schedar_configurer_dist($faire, $type, $id, $qui, $opt) {
	return autoriser('webmestre', '', 0, $qui);
}

/** @return bool */
function autoriser_configurerschedar_menu_dist($faire, $type, $id, $qui, $opt) {
	return autoriser('webmestre', '', 0, $qui);
}
