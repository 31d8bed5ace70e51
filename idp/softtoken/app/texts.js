/**
 * Everything the application says, in every language it speaks. Albanian is the language of the bank's guide.
 */

export const LANGUAGES = ["sq", "en", "it"];

export const TEXTS = {
  language: { sq: "Gjuha", en: "Language", it: "Lingua" },

  welcomeTitle: { sq: "Aktivizoni token-in tuaj", en: "Activate your token", it: "Attivi il suo token" },
  welcomeLead: {
    sq: "Banka ju tregon një kod QR. Skanojeni këtu për të marrë kodet që kërkohen në hyrje.",
    en: "Your bank shows you a QR code. Scan it here to receive the codes you need to log in.",
    it: "La banca le mostra un codice QR. Lo scansioni qui per ottenere i codici richiesti all'accesso.",
  },
  scan: {
    sq: "Skano kredencialet për aktivizimin online",
    en: "Scan credentials for online activation",
    it: "Scansiona le credenziali per l'attivazione online",
  },
  chooseImage: { sq: "Zgjidh një imazh", en: "Choose an image", it: "Scegli un'immagine" },
  pasteLink: { sq: "Ngjit lidhjen", en: "Paste the link", it: "Incolla il link" },
  linkLabel: { sq: "Lidhja e aktivizimit", en: "Activation link", it: "Link di attivazione" },
  activate: { sq: "Aktivizo", en: "Activate", it: "Attiva" },
  back: { sq: "Kthehu", en: "Back", it: "Indietro" },
  cancel: { sq: "Anullo", en: "Cancel", it: "Annulla" },

  cameraTitle: { sq: "Skanimi i kodit QR", en: "Scanning the QR code", it: "Scansione del codice QR" },
  cameraLead: {
    sq: "Mbajeni kodin QR brenda kornizës.",
    en: "Hold the QR code inside the frame.",
    it: "Tenga il codice QR all'interno della cornice.",
  },
  cameraRefused: {
    sq: "Kamera nuk është e disponueshme. Lejoni përdorimin e saj te cilësimet, ose zgjidhni një imazh.",
    en: "The camera is not available. Allow its use in the settings, or choose an image instead.",
    it: "La fotocamera non è disponibile. Ne consenta l'uso nelle impostazioni oppure scelga un'immagine.",
  },
  reading: { sq: "Po lexohet imazhi…", en: "Reading the image…", it: "Lettura dell'immagine…" },
  imageUnreadable: {
    sq: "Në këtë imazh nuk u gjet asnjë kod QR. Provoni një imazh më të qartë, ku kodi duket i plotë.",
    en: "No QR code was found in this image. Try a sharper image that shows the whole code.",
    it: "In questa immagine non c'è alcun codice QR leggibile. Provi con un'immagine più nitida, con il codice intero.",
  },

  linkForeign: {
    sq: "Ky nuk është kod aktivizimi. Skanoni kodin QR që ju tregon banka gjatë regjistrimit.",
    en: "This is not an activation code. Scan the QR code that your bank shows during registration.",
    it: "Questo non è un codice di attivazione. Scansioni il codice QR mostrato dalla banca durante la registrazione.",
  },
  linkBroken: {
    sq: "Kodi i aktivizimit është i dëmtuar ose i paplotë. Kopjojeni të plotë, ose filloni regjistrimin nga e para.",
    en: "The activation code is damaged or incomplete. Copy all of it, or start the registration again.",
    it: "Il codice di attivazione è danneggiato o incompleto. Lo copi per intero oppure ricominci la registrazione.",
  },
  linkUnsupported: {
    sq: "Ky lloj kodi aktivizimi nuk mbështetet. Kërkojini bankës një kod të ri.",
    en: "This kind of activation code is not supported. Ask your bank for a new one.",
    it: "Questo tipo di codice di attivazione non è supportato. Ne chieda uno nuovo alla banca.",
  },
  activationExpired: {
    sq: "Aktivizimi zgjati shumë. Skanoni përsëri kodin QR.",
    en: "The activation took too long. Scan the QR code again.",
    it: "L'attivazione ha richiesto troppo tempo. Scansioni di nuovo il codice QR.",
  },

  choosePinTitle: { sq: "Vendosni PIN-in", en: "Set your PIN", it: "Imposti il PIN" },
  pin: { sq: "PIN", en: "PIN", it: "PIN" },
  pinConfirm: { sq: "Konfirmoni PIN-in", en: "Confirm the PIN", it: "Confermi il PIN" },
  pinRule: {
    sq: "6 deri në 12 shifra.",
    en: "6 to 12 digits.",
    it: "Da 6 a 12 cifre.",
  },
  pinTrivial: {
    sq: "Ky PIN gjendet lehtë. Zgjidhni një tjetër, pa shifra të njëpasnjëshme ose të përsëritura.",
    en: "This PIN is easy to guess. Choose another one, without sequences or repetitions.",
    it: "Questo PIN è facile da indovinare. Ne scelga un altro, senza sequenze o ripetizioni.",
  },
  pinDifferent: {
    sq: "Dy PIN-et nuk janë njësoj. Shkruajini përsëri.",
    en: "The two PINs are not the same. Enter them again.",
    it: "I due PIN non coincidono. Li inserisca di nuovo.",
  },
  pinRemember: {
    sq: "Mbajeni mend PIN-in: ju duhet për çdo hyrje dhe nuk mund të rikthehet. Askush nga banka nuk jua kërkon.",
    en: "Remember this PIN: you need it at every login and it cannot be recovered. Nobody from the bank asks for it.",
    it: "Ricordi il PIN: serve a ogni accesso e non si può recuperare. Nessuno della banca glielo chiederà.",
  },
  save: { sq: "Ruaj", en: "Save", it: "Salva" },
  working: { sq: "Një çast…", en: "One moment…", it: "Un momento…" },
  activated: { sq: "Token-i u aktivizua.", en: "The token is activated.", it: "Il token è attivo." },

  mainTitle: { sq: "Token-i juaj", en: "Your token", it: "Il suo token" },
  tokens: { sq: "Zgjidhni token-in", en: "Choose the token", it: "Scelga il token" },
  otpHint: {
    sq: "Shtypni OTP kur faqja e bankës kërkon kodin.",
    en: "Press OTP when the bank's page asks for the code.",
    it: "Prema OTP quando la pagina della banca chiede il codice.",
  },
  storageNote: {
    sq: "Shfletuesi mund ta fshijë këtë token kur i mbaron vendi. Instalojeni aplikacionin në ekranin bazë për ta mbrojtur.",
    en: "The browser may delete this token when it runs out of space. Install the application on the home screen to protect it.",
    it: "Il browser potrebbe eliminare questo token se lo spazio si esaurisce. Installi l'applicazione nella schermata iniziale per proteggerlo.",
  },
  addToken: { sq: "Shto token", en: "Add token", it: "Aggiungi token" },
  removeToken: { sq: "Hiq token-in", en: "Remove token", it: "Rimuovi token" },

  enterPinTitle: { sq: "Shkruani PIN-in", en: "Enter your PIN", it: "Inserisca il PIN" },
  showCode: { sq: "Shfaq kodin", en: "Show the code", it: "Mostra il codice" },

  codeTitle: { sq: "Kodi juaj", en: "Your code", it: "Il suo codice" },
  secondsUnit: { sq: "sekonda", en: "seconds", it: "secondi" },
  codeSoon: {
    sq: "Kodi i ri vjen pas pak sekondash.",
    en: "A new code comes in a few seconds.",
    it: "Tra pochi secondi arriva un nuovo codice.",
  },
  codeReady: {
    sq: "Shkruajeni në faqen e bankës.",
    en: "Enter it on the bank's page.",
    it: "Lo inserisca nella pagina della banca.",
  },
  codeHint: {
    sq: "Nëse banka nuk e pranon kodin, kontrolloni orën e telefonit dhe provoni me një kod të ri, duke shkruar me kujdes PIN-in.",
    en: "If the bank does not accept the code, check the phone's clock and try a new code, entering the PIN with care.",
    it: "Se la banca non accetta il codice, controlli l'ora del telefono e provi con un nuovo codice, inserendo il PIN con attenzione.",
  },
  copy: { sq: "Kopjo kodin", en: "Copy the code", it: "Copia il codice" },
  copied: { sq: "Kodi u kopjua.", en: "The code is copied.", it: "Codice copiato." },
  notCopied: {
    sq: "Kopjimi nuk u lejua. Shkruajeni kodin me dorë.",
    en: "Copying was not allowed. Enter the code by hand.",
    it: "La copia non è consentita. Inserisca il codice a mano.",
  },
  done: { sq: "Mbyll", en: "Close", it: "Chiudi" },

  removeTitle: { sq: "Të hiqet token-i?", en: "Remove the token?", it: "Rimuovere il token?" },
  removeWarning: {
    sq: "Pas kësaj ky telefon nuk jep më kode. Për të hyrë do t'ju duhet një regjistrim i ri.",
    en: "After this, this phone gives no more codes. To log in you will need a new registration.",
    it: "Dopo, questo telefono non darà più codici. Per accedere servirà una nuova registrazione.",
  },
  removeConfirm: { sq: "Hiq", en: "Remove", it: "Rimuovi" },
  removed: { sq: "Token-i u hoq.", en: "The token is removed.", it: "Il token è stato rimosso." },

  storageFailed: {
    sq: "Telefoni nuk e ruajti dot token-in. Dilni nga shfletimi privat ose lironi vend dhe provoni përsëri.",
    en: "The phone could not keep the token. Leave private browsing or free some space, and try again.",
    it: "Il telefono non ha potuto salvare il token. Esca dalla navigazione privata o liberi spazio e riprovi.",
  },
  unexpected: {
    sq: "Diçka nuk shkoi mirë. Mbylleni aplikacionin, hapeni dhe provoni përsëri.",
    en: "Something went wrong. Close the application, open it and try again.",
    it: "Qualcosa è andato storto. Chiuda l'applicazione, la riapra e riprovi.",
  },
};
