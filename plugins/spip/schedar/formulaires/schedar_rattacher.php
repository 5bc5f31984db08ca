<?php
// On the page of an author, for webmasters: gives this author the account of one that arrived through Schedar.

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

include_spip('inc/schedar_rattacher');
include_spip('inc/autoriser');
include_spip('inc/filtres');

/** Authors that arrived through Schedar, other than this one, newest first: id_auteur → what the webmaster reads. */
function schedar_auteurs_arrives(int $sauf): array {
	$arrives = [];
	$emetteur = defined('_SCHEDAR_EMETTEUR') ? _SCHEDAR_EMETTEUR : '';
	$tables = 'spip_auteurs AS A INNER JOIN spip_schedar_auteurs AS L ON L.id_auteur=A.id_auteur';
	$ou = ["A.id_auteur<>$sauf", "A.statut<>'5poubelle'", 'L.emetteur=' . sql_quote($emetteur, '', 'text')];
	$lignes = sql_allfetsel('A.id_auteur, A.nom, A.login', $tables, $ou, '', 'A.id_auteur DESC', '0,500');
	foreach ($lignes as $ligne) {
		$arrives[(int) $ligne['id_auteur']] = $ligne['nom'] . ' (' . $ligne['login'] . ', ' . $ligne['id_auteur'] . ')';
	}

	return $arrives;
}

function formulaires_schedar_rattacher_charger_dist($id_auteur) {
	if (!autoriser('webmestre')) {
		return false;
	}
	$lien = schedar_lien_de_l_auteur((int) $id_auteur);
	$arrives = $lien ? [] : schedar_auteurs_arrives((int) $id_auteur);
	if (!$lien && !$arrives) {
		return false;
	}
	$options = '';
	foreach ($arrives as $id => $nom) {
		$options .= '<option value="' . $id . '">' . spip_htmlspecialchars($nom) . '</option>';
	}

	return [
		'depuis' => '',
		'editable' => $lien ? '' : ' ',
		'_nom' => spip_htmlspecialchars(schedar_nom_affiche()),
		'_sub' => $lien['sub'] ?? '',
		'_options' => $options,
	];
}

function formulaires_schedar_rattacher_verifier_dist($id_auteur) {
	$erreurs = [];
	if (!autoriser('webmestre') || !isset(schedar_auteurs_arrives((int) $id_auteur)[(int) _request('depuis')])) {
		$erreurs['depuis'] = _T('info_obligatoire');
	}

	return $erreurs;
}

function formulaires_schedar_rattacher_traiter_dist($id_auteur) {
	if (!autoriser('webmestre') || !schedar_rattacher((int) _request('depuis'), (int) $id_auteur)) {
		return ['message_erreur' => _T('schedar:rattacher_echec')];
	}

	return ['message_ok' => _T('schedar:rattacher_fait'), 'editable' => false];
}
