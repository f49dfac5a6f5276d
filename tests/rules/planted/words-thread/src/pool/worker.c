static _Thread_local int depth;
