// Posts the answer to the application at once; without this file the person presses the button.
"use strict";

document.getElementById("form-post").submit();
