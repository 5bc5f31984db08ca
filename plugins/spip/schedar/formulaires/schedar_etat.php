<?php
// The settings page's one form: the state as a table, and a button that tries the connection. For webmasters.

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

include_spip('inc/autoriser');
include_spip('inc/filtres');
include_spip('inc/schedar_etat');

/** The rows of a table, as HTML; what is not as it should be says so in words, not by a colour alone. */
function schedar_lignes_html(array $lignes): string {
	$html = '';
	foreach ($lignes as [$cle, $valeur, $bon]) {
		$marque = $bon ? '' : ' <strong class="erreur_message">' . _T('schedar:etat_a_voir') . '</strong>';
		$html .= '<tr><th scope="row">' . _T("schedar:$cle") . '</th><td>' . spip_htmlspecialchars($valeur) . "$marque</td></tr>";
	}

	return $html;
}

/** What the button has found in this hit; kept here, for a form shows nothing raw that a request could bring. */
function schedar_essais_html(?array $essais = null): string {
	static $html = '';
	$nom = ['nom' => spip_htmlspecialchars(schedar_nom_affiche())];
	foreach ($essais ?? [] as [$cle, $bon, $detail]) {
		$mot = _T($bon ? 'schedar:essai_bon' : "schedar:{$cle}_non", $nom);
		$html .= '<tr><th scope="row">' . _T("schedar:$cle", $nom) . "</th><td>$mot <small>" . spip_htmlspecialchars($detail) . '</small></td></tr>';
	}

	return $html;
}

function schedar_jumeaux_html(): string {
	$html = '';
	foreach (schedar_jumeaux() as $jumeau) {
		$lien = '<a href="' . attribut_html(generer_url_ecrire('auteur', 'id_auteur=' . $jumeau['id'])) . '">' . spip_htmlspecialchars($jumeau['nom']) . '</a>';
		$html .= '<li>' . $lien . ' ≟ ' . spip_htmlspecialchars($jumeau['arrive']) . '</li>';
	}

	return $html;
}

function formulaires_schedar_etat_charger_dist() {
	if (!autoriser('configurer', '_schedar')) {
		return false;
	}

	return [
		'_lignes' => schedar_lignes_html(schedar_etat()),
		'_essais' => schedar_essais_html(),
		'_jumeaux' => schedar_jumeaux_html(),
		'_nom' => spip_htmlspecialchars(schedar_nom_affiche()),
	];
}

function formulaires_schedar_etat_verifier_dist() {
	return autoriser('configurer', '_schedar') ? [] : ['message_erreur' => _T('info_acces_interdit')];
}

function formulaires_schedar_etat_traiter_dist() {
	$essais = schedar_essayer_connexion();
	$bons = array_column($essais, 1);
	$message = in_array(false, $bons, true) ? ['message_erreur' => _T('schedar:essai_echec')] : ['message_ok' => _T('schedar:essai_reussi')];
	schedar_essais_html($essais);

	return $message + ['editable' => true];
}
