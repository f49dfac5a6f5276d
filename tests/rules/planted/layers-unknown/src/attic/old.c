int crew__old_word;
