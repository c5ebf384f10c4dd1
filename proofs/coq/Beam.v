(** Beam search: how it keeps the best hypotheses, and its two ends, width 1 and every width that loses nothing. *)
From mathcomp Require Import all_ssreflect all_algebra.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(** Of several with the best score, the first. *)
Section First.

Variables (F : realDomainType) (X : eqType) (none : X) (score : X -> F).
Implicit Types s : seq X.

Definition better x y : bool := score y <= score x.

Definition best s : X := nth none s (find (fun x => all (better x) s) s).

Lemma better_total : total better.
Proof. by move=> x y; apply: le_total. Qed.

Lemma better_trans : transitive better.
Proof. by move=> y x z xy yz; apply: le_trans yz xy. Qed.

Lemma sorted_best s x : x \in s -> better (head none (sort better s)) x.
Proof.
rewrite -(mem_sort better); have := sort_sorted better_total s.
case: (sort better s) => //= first others /(order_path_min better_trans)/allP least.
by rewrite inE => /orP[/eqP ->|/least //]; rewrite /better lexx.
Qed.

Lemma has_best s : s != [::] -> has (fun x => all (better x) s) s.
Proof.
rewrite -size_eq0 -(size_sort better) => some; apply/hasP; exists (head none (sort better s)).
  by rewrite -(mem_sort better); case: (sort better s) some => //= x rest _; apply: mem_head.
by apply/allP => x; apply: sorted_best.
Qed.

(** Sorting is stable, so that the first of the sorted list is the first of the best. *)
Lemma head_sort s : head none (sort better s) = best s.
Proof.
case: s => [|x s] //; set u := x :: s.
pose value := nth none u; pose by_value := relpre value better; set ix := sort by_value (iota 0 (size u)).
have -> : sort better u = map value ix by rewrite -sort_map map_nth_iota0 ?take_size.
have member j : (j \in ix) = (j < size u)%N by rewrite mem_sort mem_iota add0n.
have total : total by_value by move=> i j; apply: better_total.
have := sort_iota_stable total (size u); rewrite -/ix; case: ix member => [/(_ 0%N)|i rest member] //= chain.
have lex_trans : transitive [rel i j | by_value i j && (by_value j i ==> (i < j)%N)].
  move=> b a c /= /andP[ab /implyP ba] /andP[bc /implyP cb]; rewrite /by_value /= (better_trans ab bc) /=.
  by apply/implyP => ca; exact: (ltn_trans (ba (better_trans bc ca)) (cb (better_trans ca ab))).
have {chain} least j : j \in rest -> by_value i j && (by_value j i ==> (i < j)%N).
  by move=> inside; have /allP/(_ j inside) := order_path_min lex_trans chain.
have in_u : (i < size u)%N by rewrite -member mem_head.
have i_best : all (better (value i)) u.
  apply/(all_nthP none) => j; rewrite -member inE => /orP[/eqP ->|/least/andP[] //].
  by rewrite /better lexx.
have found : has (fun x => all (better x) u) u by apply: has_best.
rewrite /best; set first := find _ u; have : (first < size u)%N by rewrite -has_find.
rewrite -member inE => /orP[/eqP -> //|/least/andP[_ /implyP late]].
have := nth_find none found; rewrite -/first.
move=> /(all_nthP none)/(_ i in_u) /late /(before_find none) none_before.
by move: none_before; rewrite -/(value i) i_best.
Qed.

End First.

Section Beam.

(** A hypothesis h may go on in several ways; each adds to its score. A finished hypothesis has one, itself and 0. *)
Variables (F : realDomainType) (H : eqType) (root : H) (ways : H -> seq (H * F)).
Hypothesis ways_on : forall h, ways h != [::].

Let nothing : H * F := (root, 0).

Definition further (hs : H * F) : seq (H * F) := [seq (way.1, hs.2 + way.2) | way <- ways hs.1].

(** All that the hypotheses of a beam may become, and the [width] best of it. *)
Definition pool (beam : seq (H * F)) : seq (H * F) := flatten (map further beam).

Fixpoint beam width T : seq (H * F) :=
  if T is T'.+1 then take width (sort (better snd) (pool (beam width T'))) else [:: nothing].

(** Greedy search takes at every step the way that adds most. *)
Fixpoint greedy T : H * F :=
  if T is T'.+1 then
    let: (h, score) := greedy T' in let: (next, added) := best nothing snd (ways h) in (next, score + added)
  else nothing.

(** Beam search of width 1 is greedy search (L2.10), whatever the ties: both take the first of the best.
    Code: model only: the mathematical definition
    Scope: every ordered domain of scores, every set of hypotheses with ways to go on, number of steps T *)
Theorem width_1_is_greedy T : beam 1 T = [:: greedy T].
Proof.
elim: T => [|T IH] //=; rewrite {}IH /pool /= cats0; case: (greedy T) => h score.
have first : take 1 (sort (better snd) (further (h, score)))
    = [:: head nothing (sort (better snd) (further (h, score)))].
  have := ways_on h; rewrite -size_eq0 -(size_map (fun way => (way.1, score + way.2))) -(size_sort (better snd)).
  by rewrite -/(further (h, score)); case: sort => //= ? [].
rewrite {}first head_sort /best /further find_map.
have -> : find (preim (fun way => (way.1, score + way.2)) (fun x => all (better snd x) (further (h, score)))) (ways h)
    = find (fun x => all (better snd x) (ways h)) (ways h).
  by apply: eq_find => way; rewrite /= all_map; apply: eq_all => other; rewrite /better /= ler_add2l.
by rewrite (nth_map nothing) -?has_find ?has_best //; case: nth.
Qed.

(** Everything that can be reached in T steps. *)
Fixpoint everything T : seq (H * F) := if T is T'.+1 then pool (everything T') else [:: nothing].

(** A beam that is never too narrow loses nothing: it ends with all hypotheses, and its first is a best one of all.
    Code: model only: the mathematical definition
    Scope: every ordered domain of scores, every set of hypotheses with ways to go on, number of steps T *)
Theorem wide_beam_is_exact width T : (forall t, (t <= T)%N -> (size (everything t) <= width)%N) ->
  perm_eq (beam width T) (everything T)
  /\ forall hs, hs \in everything T -> hs.2 <= (head nothing (beam width T)).2.
Proof.
elim: T => [|T IH] wide; first by split=> // hs; rewrite inE => /eqP ->.
have [|same _] := IH; first by move=> t below; apply: wide; apply: leqW.
have rest : perm_eq (pool (beam width T)) (pool (everything T)) by apply: perm_flatten; apply: perm_map.
have -> : beam width T.+1 = sort (better snd) (pool (beam width T)).
  by rewrite /= take_oversize // size_sort (perm_size rest); apply: (wide T.+1).
split=> [|hs reached]; first by rewrite perm_sort.
by apply: sorted_best; rewrite (perm_mem rest).
Qed.

End Beam.

(** Hypotheses of a search that wide beams lose: A begins best, but both ways on from B are better than the one from A
    until the last step, which is good after A and bad after B. *)
Definition trap (h : nat) : seq (nat * int) :=
  match h with
  | 0%N => [:: (1%N, 1); (2%N, 0)]   (* A, B *)
  | 1%N => [:: (3%N, 0)]             (* on from A *)
  | 2%N => [:: (4%N, 3); (5%N, 2)]   (* on from B *)
  | 3%N => [:: (6%N, 9)]             (* the good end *)
  | _ => [:: (7%N, 0)]
  end.

(** A wider beam may end worse (L2.10 claims that a larger k is better): here width 1 reaches 10, and width 2 only 3.
    Code: model only: the mathematical definition
    Scope: one example in integers *)
Theorem wider_may_be_worse :
  head (0%N, 0) (beam 0%N trap 1 3) = (6%N, 10 : int) /\ head (0%N, 0) (beam 0%N trap 2 3) = (7%N, 3 : int).
Proof. by split; vm_compute. Qed.
