<?php
// Where the plugin meets SPIP's own pages: the login form, the forms about passwords, logging out, an author's page.

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

include_spip('inc/schedar');

function schedar_est_seul(): bool {
	return ($GLOBALS['liste_des_authentifications'] ?? []) === ['schedar' => 'schedar'];
}

/** The button, as HTML; an empty string while the settings are not usable. */
function schedar_bouton(string $retour): string {
	try {
		$nom = schedar_reglages()['nom'];
		$adresse = schedar_adresse_depart($retour);
	} catch (SchedarRefus $refus) {
		schedar_journal($refus->getMessage());

		return '';
	}
	include_spip('inc/filtres');

	return '<p class="boutons schedar"><a class="btn schedar-bouton" style="' . SCHEDAR_STYLE_BOUTON . '" rel="nofollow" href="' . attribut_html($adresse) . '">'
		. _T('schedar:bouton', ['nom' => spip_htmlspecialchars($nom)]) . '</a></p>';
}

/** The same on every site's own login page, whose stylesheet is not ours. */
const SCHEDAR_STYLE_BOUTON = 'display:block;margin:0 0 1em;padding:.75em 1em;border-radius:4px;background:#fff;color:#1d2433;'
	. 'font-size:16px;font-weight:bold;line-height:1.4;text-align:center;text-decoration:none';
const SCHEDAR_STYLE_TEXTE = 'margin:0 0 1em;line-height:1.4';

/** The button inside the form's own frame: SPIP's login page places that frame, and whatever is outside falls under its menu. */
function schedar_dans_le_cadre(string $formulaire, string $bouton): string {
	return preg_replace(',(<div class=.formulaire_spip formulaire_login.[^>]*>),', '$1' . addcslashes($bouton, '\\$'), $formulaire, 1, $trouve) . ($trouve ? '' : $bouton);
}

/** Where the login form would have sent the visitor: the page it stands on, or the one that asked for a sign-in. */
function schedar_cible_du_formulaire(): string {
	$cible = _request('url');

	return is_string($cible) && $cible !== '' ? $cible : (_request('page') === 'login' ? '' : str_replace('&amp;', '&', self('&', true)));
}

/** Pipeline affiche_formulaire_login: the button above the form, or in its place. */
function schedar_affiche_formulaire_login($flux) {
	if (!defined('_SCHEDAR_EMETTEUR') && !schedar_est_seul()) {
		// Shared by several sites (Debian's plugins-dist), the plugin is active on those that have no settings too.
		return $flux;
	}
	$bouton = schedar_bouton(schedar_cible_du_formulaire());
	$secours = schedar_secours_ouvert();
	if (!schedar_est_seul() || $secours) {
		$flux['data'] = schedar_dans_le_cadre($flux['data'], $bouton . ($secours ? '<p class="schedar-secours" style="' . SCHEDAR_STYLE_TEXTE . '">' . _T('schedar:secours_ouvert') . '</p>' : ''));

		return $flux;
	}
	// What the form itself would have said: already signed in, or refused.
	$contexte = $flux['args']['contexte'] ?? [];
	$messages = '';
	if (!empty($contexte['_deja_loge'])) {
		$messages .= '<p class="reponse_formulaire reponse_formulaire_ok" role="status">' . $contexte['_deja_loge'] . '</p>';
	}
	if (!empty($contexte['message_erreur'])) {
		$messages .= '<div class="reponse_formulaire reponse_formulaire_erreur" role="alert">' . $contexte['message_erreur'] . '</div>';
	}
	$texte = $bouton === '' ? _T('schedar:refus_reglages', ['nom' => 'Schedar']) : schedar_texte_seule_porte();
	$flux['data'] = "<div class=\"formulaire_spip formulaire_login schedar-seul\">$messages<p style=\"" . SCHEDAR_STYLE_TEXTE . "\">$texte</p>$bouton</div>";

	return $flux;
}

/** The forms that hand out or use local passwords. */
const SCHEDAR_FORMULAIRES_LOCAUX = ['login', 'oubli', 'mot_de_passe', 'inscription'];

/** The rescue door: then the form is there, for its passphrase alone. */
function schedar_secours_ouvert(): bool {
	include_spip('inc/schedar_secours');

	return schedar_secours_depuis() > 0;
}

function schedar_texte_seule_porte(): string {
	include_spip('inc/filtres');

	return _T('schedar:seule_porte', ['nom' => spip_htmlspecialchars(schedar_nom_affiche())]);
}

/** Pipeline formulaire_charger: with the single door, the forms about passwords say so instead of asking. */
function schedar_formulaire_charger($flux) {
	$form = $flux['args']['form'] ?? '';
	if (schedar_est_seul() && $form !== 'login' && in_array($form, SCHEDAR_FORMULAIRES_LOCAUX, true) && is_array($flux['data'])) {
		$flux['data']['editable'] = false;
		$flux['data']['message_erreur'] = schedar_texte_seule_porte();
	}

	return $flux;
}

/** Pipeline formulaire_verifier: and a form posted without being asked for changes nothing. */
function schedar_formulaire_verifier($flux) {
	$form = $flux['args']['form'] ?? '';
	if (schedar_est_seul() && in_array($form, SCHEDAR_FORMULAIRES_LOCAUX, true) && !($form === 'login' && schedar_secours_ouvert())) {
		$flux['data']['message_erreur'] = schedar_texte_seule_porte();
	}

	return $flux;
}

/** Pipeline preparer_visiteur_session: a session has begun; one of the rescue door is marked as such. */
function schedar_preparer_visiteur_session($flux) {
	if ($depuis = (int) ($flux['args']['row']['schedar_secours'] ?? 0)) {
		include_spip('inc/schedar_secours');
		schedar_secours_marquer($depuis);
	}

	return $flux;
}

/** Pipeline trig_logout: SPIP has closed its session; Schedar's is closed too (RP-Initiated Logout 1.0 §2). */
function schedar_trig_logout($flux) {
	$jeton = is_array($flux['data'] ?? null) ? ($flux['data']['schedar_jeton'] ?? '') : '';
	if ($jeton === '') {
		return $flux;
	}
	include_spip('inc/schedar_fournisseur');
	try {
		$adresse = schedar_decouverte()['end_session_endpoint'] ?? '';
		$suite = http_build_query([
			'id_token_hint' => $jeton,
			'post_logout_redirect_uri' => schedar_reglages()['site'] . '/',
			'ui_locales' => $GLOBALS['spip_lang'] ?? 'fr',
		]);
	} catch (SchedarRefus $refus) {
		schedar_journal($refus->getMessage());
		$adresse = '';
	}
	if ($adresse !== '') {
		schedar_rediriger($adresse . (str_contains($adresse, '?') ? '&' : '?') . $suite);
	}

	return $flux;
}

/**
 * Pipeline pre_edition: a site may lower what Schedar says of an author, or bin the author; it never raises it. SPIP's
 * own registration form does, for instance, for whoever types a known address.
 */
function schedar_pre_edition($flux) {
	if (($flux['args']['table'] ?? '') !== 'spip_auteurs' || !array_intersect_key(['statut' => 1, 'webmestre' => 1], (array) $flux['data'])) {
		return $flux;
	}
	include_spip('inc/schedar_auteurs');
	$id_auteur = (int) ($flux['args']['id_objet'] ?? 0);
	if (!$lien = schedar_lien_de_l_auteur($id_auteur)) {
		return $flux;
	}
	$statut = $flux['data']['statut'] ?? null;
	if ($statut !== null && schedar_rang((string) $statut) > schedar_rang($lien['statut'])) {
		$flux['data']['statut'] = $lien['statut'];
	}
	if (($flux['data']['webmestre'] ?? '') === 'oui' && $lien['webmestre'] !== 'oui') {
		$flux['data']['webmestre'] = 'non';
	}

	return $flux;
}

/** Pipeline affiche_milieu: on an author's page, webmasters see and move the link; on one's own, one brings an old author along. */
function schedar_affiche_milieu($flux) {
	$exec = $flux['args']['exec'] ?? '';
	$moi = (int) ($GLOBALS['visiteur_session']['id_auteur'] ?? 0);
	$id_auteur = $exec === 'infos_perso' ? $moi : (int) ($flux['args']['id_auteur'] ?? 0);
	if (!in_array($exec, ['auteur', 'infos_perso'], true) || !$id_auteur) {
		return $flux;
	}
	if ($exec === 'auteur' && autoriser('webmestre')) {
		$flux['data'] .= recuperer_fond('prive/squelettes/inclure/schedar_rattacher', ['id_auteur' => $id_auteur]);
	}
	if ($id_auteur === $moi) {
		$flux['data'] .= recuperer_fond('prive/squelettes/inclure/schedar_reprendre', []);
	}

	return $flux;
}
